#!/bin/sh
echo "shout $*"
