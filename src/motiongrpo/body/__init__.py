"""The human body: its joints, its shape, its kinematics and its contact with the floor.

A body is loaded (`load_body_model`), then shaped (`BodyModel.shaped`), then posed (`pose_body`),
then, for pictures, meshed through `smplx` (`Mesher`).
"""
