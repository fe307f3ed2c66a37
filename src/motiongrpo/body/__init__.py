"""The human body: its joints, its shape, its kinematics and its contact with the floor.

A body is loaded (`load_body_model`), then shaped (`BodyModel.shaped`), then posed (`pose_body`),
then, where somebody wants to look at it, meshed through `smplx`.
"""
