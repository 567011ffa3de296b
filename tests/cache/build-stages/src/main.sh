#!/bin/sh
echo @STAMP@ on @ARCH@
