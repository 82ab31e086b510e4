"""Duologue beside its peers: the same work, on the same core, in the same run.

    python -m bench run [--quick] [--only WORD] [--peer NAME] [--output FILE]
    python -m bench report [FILE]
    python -m bench budgets [FILE...]

Scenarios are in `scenarios`, what is compared in `peers`, the load generator in ``load.c``.
"""
