"""The files of reconciliation: TAB-separated text in a ZIP. Pure; bytes in, rows out, or one ``Fault`` for all."""
