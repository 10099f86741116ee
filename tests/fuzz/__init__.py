"""Hostile bytes by the million: what is read, how it is changed, and who judges.

targets    every parser of bytes from outside, those of `incoming` and of `stored`; `target` says what one is
commands   whole commands over files that were changed
mutate     the changes, by a chance that is handed in
judge      runs inputs with a time limit and says what went wrong, once per place
coverage   the same targets under atheris, which follows coverage
confined   what a command wrote, and where
"""
