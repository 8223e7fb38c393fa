"""The protocol between cluster gateway and cluster agents, without a socket: values in and out."""
