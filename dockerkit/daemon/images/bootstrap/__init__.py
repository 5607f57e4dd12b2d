"""First images without a registry: made from what the host, or its distribution's package mirror, has.

* :mod:`.busybox`: a static busybox, found on the host or taken from the mirror, with Docker's layout around it.
* :mod:`.host`: programs of the host with the libraries they need.
* :mod:`.makers`: which names can be made, and by whom.
* :mod:`.elf`, :mod:`.closure`: what a program needs, read from its bytes; no program of the host is run for it.
* :mod:`.sources`, :mod:`.aptconf`, :mod:`.mirror`, :mod:`.packages`, :mod:`.deb`: apt's configuration and archives, read
  without apt. The one foreign program is ``gpgv``, which verifies the mirror's signature with the host's keyring.

Never writes to the host, never trusts a byte of a mirror that a signed index does not vouch for.
"""
