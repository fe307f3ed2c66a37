"""Motion capture on any rig, as BVH or ASF/AMC files: text formats, joint names, and takes on our body."""
