"""The centre's catalogues: which column of a file is what, how a region has them, and the file read row by row. Pure."""
