#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Plays every command of a transcript again and compares: output, `!` before what comes on stderr,
# and the exit code in brackets when it is not 0.  They run in config/, whose files they may name.
#   cli.sh LEAT TRANSCRIPT [--write]
set -u
LEAT=$(readlink -f "$1")
transcript=$(readlink -f "$2")
here=$(cd "${BASH_SOURCE%/*}" && pwd)
for name in $(compgen -e LEAT_); do unset "$name"; done # each may be a key
export LEATD=$here/leatd
cd "$here/../../config" || exit

leat() {
	"$LEAT" "$@"
}

play() {
	local line code
	while IFS= read -r line; do
		case $line in
		'# '[A-Z]*) echo "$line" ;; # other lines that begin so are output
		'$ '*)
			echo "$line"
			{ eval "${line#$ }" 2>&1 >&3 | sed 's/^/! /'; exit "${PIPESTATUS[0]}"; } 3>&1 &
			wait $!
			code=$?
			[ $code = 0 ] || echo "[$code]"
			;;
		esac
	done <"$transcript"
}

if ldd "$LEAT" | grep -E 'librte|libnuma'; then
	echo 'leat links DPDK; it must run where there is none'
	exit 1
fi
if [ "${3-}" = --write ]; then
	play >"$transcript.new" && mv "$transcript.new" "$transcript"
else
	diff -u "$transcript" <(play) && echo "$(grep -c '^\$ ' "$transcript") commands as before"
fi
