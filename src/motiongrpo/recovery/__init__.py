"""From a headset's recording to a moving body: sampled in chunks, made to stand, with a band of doubt."""
