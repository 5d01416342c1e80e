"""What cells share: image tokenizer, training set, stage 0 and judge, each built once."""
