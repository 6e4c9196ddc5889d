# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034,SC2154
# Bring a build directory up to date without a word, unless there is work or trouble.
# Sourced by ./run and ./test, which set `root` to the top of the tree.

# Two builds at once would tear each other's files, so the tree itself is the lock.
# build DIR [option...]: a DIR of other options is made anew.  With build_only, a list, no more
# than these targets are built.
build_only=()
build() {
	(flock 9 && build_locked "$@" 9<&-) 9<"$root"
}

build_locked() {
	local dir=$root/$1 log
	shift
	if [[ -e $dir && ! -w $dir ]]; then
		echo "$dir belongs to another user.  Remove it: sudo rm -rf $dir" >&2
		return 3
	fi
	[[ -w ${HOME:-/} ]] || export CCACHE_DISABLE=1
	log=$(mktemp)
	# What cannot be loaded or regenerated is the wreck of an aborted build: begin again, once.
	# A program that does not compile is not.
	if ! build_once "$dir" "$log" "$@"; then
		if grep -q '^FAILED:' "$log" || ! rm -rf "$dir" || ! build_once "$dir" "$log" "$@"; then
			grep -v '^\[[0-9/]*\] ' "$log" >&2 # all but ninja's progress
			rm -f "$log"
			return 1
		fi
	fi
	rm -f "$log"
}

build_once() {
	local dir=$1 log=$2
	shift 2
	if [[ ! -e $dir/build.ninja || ! -e $dir/meson-private/coredata.dat ||
		$(cat "$dir/.options" 2>/dev/null) != "$*" ]]; then
		rm -rf "$dir"
		echo "building in ${dir##*/}" >&2
		meson setup "$dir" "$root" "$@" >"$log" 2>&1 || return 1
		echo "$*" >"$dir/.options"
	elif [[ $(ninja -C "$dir" -n "${build_only[@]}" 2>&1) != *'no work to do'* ]]; then
		echo "building in ${dir##*/}" >&2
	fi
	ninja -C "$dir" "${build_only[@]}" >"$log" 2>&1
}

# What is measured, by bench/run and bench/instructions.sh.  The instruction set is one that DPDK asks
# for anyway, and the same on every machine.
build_bench=(-Dbuildtype=release -Dcheck=false -Dunit_tests=false -Dlive_tests=false -Db_lto=true
	-Dc_args=-march=x86-64-v2)
