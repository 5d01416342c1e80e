"""One thread for every test: tiny tensors gain nothing from two, and results stay bit-identical."""

import torch

torch.set_num_threads(1)
