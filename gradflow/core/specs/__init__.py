"""The settings of the data and of each kind of network, one file each: frozen, validated."""
