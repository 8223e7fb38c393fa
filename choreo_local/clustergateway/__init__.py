"""The control plane's end of the tunnel to other clusters: agents dial in, callers reach planes."""
