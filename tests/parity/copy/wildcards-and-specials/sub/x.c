x.c
