"""From finished steps to verdicts: scores, intervals, claims and what the seeds say of them."""
