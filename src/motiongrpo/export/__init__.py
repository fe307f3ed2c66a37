"""A recovered body in the formats of other tools: BVH, glTF, AMASS's npz, a table of joints."""
