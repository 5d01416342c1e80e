"""Published unified models, tuned on both tasks with the interaction loss.

attention.py      what transformers' decoders attend with, so that a layer's mass can be kept
reading.py        one batch of one task as token rows: what is predicted, who asks, who is asked
conversation.py   questions and answers in a model's own chat template
form.py           what every such model does; emu3.py and janus.py are the two forms
opening.py        the form of a folder or hub id
stages.py         the published stage of each layer, which says its target and threshold
token_loss.py     the loss of predicted tokens
tuning.py         the LightningModule, and its config beside it
"""
