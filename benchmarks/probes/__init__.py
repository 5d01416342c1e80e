"""What goes on inside a model that draws and answers: four probes, each a pure analysis of arrays.

| probe       | question                                                        | module          |
|-------------|-----------------------------------------------------------------|-----------------|
| alignment   | at which depth do images look alike that are described alike?   | `alignment.py`  |
| interaction | how much attention goes from one modality to the other?         | `interaction.py`|
| gradients   | do the tasks pull the shared weights in opposite directions?    | `gradients.py`  |
| routing     | which tokens meet which experts?                                | `routing.py`    |

A model is known by `protocol.Inspectable` alone. A probe gives tables (`tables.py`) and a figure.
"""
