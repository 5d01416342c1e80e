"""From finished steps to verdicts: scores, intervals and what the seeds say of them."""
