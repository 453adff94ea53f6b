"""Speech as a row of the voice model's codes: how they are used, and how well the model foretells them."""
