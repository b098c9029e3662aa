"""The development cluster behind `scripts/cluster`.

Only the standard library may be imported here: the command runs before any virtual environment exists.
Modules that render text or take decisions do no I/O; `shell`, `node` and the `*_steps` of a back end do.
"""
