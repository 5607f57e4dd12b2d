"""The version of dockerkit, said once."""

VERSION = "0.1.0"
