#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# format.sh ROOT: the layout of .clang-format, by the one major version it is written for.
set -eu
cd "$1"
find lib app bench tests -name '*.[ch]' -exec clang-format-14 -i {} +
