"""What cells share: the image tokenizer, the training set, stage 0 and the judge, each built once."""
