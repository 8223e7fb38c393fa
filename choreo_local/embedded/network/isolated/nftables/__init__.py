"""Tables of nftables as values, and the kernel's messages that make them so; no program is needed.

`fields` and `statements` describe rules, `table` holds whole tables, `difference` finds the
`changes` that make one of another, `expressions` and `messages` say them in the kernel's terms,
`connection` sends them.
"""
