"""Public models under the protocol of `benchmarks.protocol`: one short file a family.

A module has `open_model(name)`; `benchmarks.registry` says which SCHEME:NAME is whose. A name may
end in settings, `PATH?max_tokens=16`, which stand in the protocol as well.
"""
