"""Where data stays: volumes on disk, mounted when they have to be, cloned, and those that programs of others keep.

::

    ROOT/volumes/NAME/_data           what containers see of a volume, and its mountpoint when it is one of a file system
    ROOT/volumes/NAME/{upper,work}    a volume that was cloned, or is a clone: its own changes (overlay)
    ROOT/volumes/.layers/HEX          what volumes that were cloned have in common; never changed again

A volume's name is one component, checked; its directory is opened by descriptor and never through a link. Knows no container
and no state: the engine says what is used, and remembers what there is.
"""
