"""What the codecs of the four video families share: states, walking, fields, images, errors."""
