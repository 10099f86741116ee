"""Hostile bytes by the million: what is read (`targets`), how it is changed (`mutate`), and who judges (`judge`).

targets    every parser of bytes from outside, with true inputs to begin from
commands   whole commands over files that were changed
mutate     the changes, from a seed: the same number gives the same bytes on every machine
judge      runs inputs with a time limit and says what went wrong, once per place
coverage   the same targets under atheris, which follows coverage
confined   what a command wrote, and where
"""
