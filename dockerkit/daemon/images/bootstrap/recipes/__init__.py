"""What can be made of a distribution's packages, one module an image: package names, entrypoints, configuration.

Written from what users of the official images of these names rely on: environment variables, ports, volumes, the user a server
runs as, the line it says when it is ready. Data and text of our own; nothing here does anything.
"""
