"""The mathematics of autodeleveraging: arrays in, arrays out, no clock, no randomness, no HTTP."""
