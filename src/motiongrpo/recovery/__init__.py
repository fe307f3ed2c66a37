"""From a headset's recording to a moving body: sampled in chunks, guided, with uncertainty bands."""
