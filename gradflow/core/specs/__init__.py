"""The settings of each kind of network and of the data: frozen, validated, one file each."""
