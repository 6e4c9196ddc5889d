#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every rule of tidy.py can fail: small bad trees, and the finding each must give.  Prints TAP."""
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from tidy import Tidy

SPDX = "/* SPDX-License-Identifier: BSD-3-Clause */\n"
MARK = "TO" + "DO"
PLACE = "/wo" + "rk/x"


def tree(files, check=lambda root: Tidy(root)):
    """The findings in a tree of these files, as `path:line: what`."""
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return ["{}:{}: {}".format(*f) for f in check(root).findings]


def c(code, name="lib/base/base_x.c", **others):
    """A tree whose one C file is alive and holds this code from line 2 on."""
    code = SPDX + textwrap.dedent(code)
    build = f"sources = files('{Path(name).name}')\n"
    return tree({name: code, f"{Path(name).parent}/meson.build": build} | others)


def body(lines, name="main"):
    return f"int {name}(void)\n{{\n" + "\tx = 1;\n" * lines + "}\n"


class Clean(unittest.TestCase):
    def test_a_clean_tree_has_no_finding(self):
        self.assertEqual(c(body(3)), [])

    def test_a_build_directory_is_not_looked_at(self):
        self.assertEqual(tree({"build-x/y.c": "volatile \n"}), [])

    def test_comments_and_strings_are_not_code(self):
        code = 'int main(void)\n{\n\t/* volatile, rand() */\n\tchar *s = "volatile \\" {";\n}\n'
        self.assertEqual(c(code), [])

    def test_braces_in_macros_and_initialisers_are_not_functions(self):
        code = """\
            #define X(a) \\
            	do { \\
            		if (a) { \\
            	} while (0)
            static const int t[2][2] = {{1, 2}, {3, 4}};
            struct s {
            	int a;
            };
            int main(void)
            {
            	struct s s = (struct s){.a = 1};
            	f(&(struct s){.a = 2});
            }
            """
        self.assertEqual(c(code), [])


class Sizes(unittest.TestCase):
    def test_a_function_of_70_lines_passes_and_one_of_71_does_not(self):
        self.assertEqual(c(body(67)), [])
        self.assertEqual(c(body(68)), ["lib/base/base_x.c:2: main is 71 lines, 70 at most"])

    def test_a_long_function_is_found_behind_a_struct_an_attribute_and_extern_c(self):
        before = 'extern "C" {\nstruct s {\n\tint a;\n};\n__attribute__((cold)) '
        self.assertIn("lib/base/base_x.c:6: main is 71 lines, 70 at most",
                      c(before + body(68) + "}\n"))

    def test_seven_parameters_are_too_many_and_a_function_pointer_is_one(self):
        six = "int main(int a, int b, int c, int d, int e, int (*f)(int, int))\n{\n}\n"
        self.assertEqual(c(six), [])
        seven = six.replace("int a,", "int a, int z,")
        self.assertEqual(c(seven), ["lib/base/base_x.c:2: main has 7 parameters, 6 at most"])

    def test_nesting_counts_blocks(self):
        def nest(n):
            return "int main(void)\n{\n" + "for (;;) {\n" * n + "x();\n" + "}\n" * n + "}\n"
        self.assertEqual(c(nest(4)), [])
        self.assertIn("main nests 5 deep, 4 at most", c(nest(5))[0])

    def test_nesting_counts_a_missing_brace(self):
        code = "int main(void)\n{\n{\n{\n{\nif (a)\n\tfor (;;)\n\t\tx();\n}\n}\n}\n}\n"
        self.assertEqual(c(code), ["lib/base/base_x.c:8: main nests 5 deep, 4 at most"])

    def test_nesting_counts_loops_that_are_macros(self):
        code = "int main(void)\n{\n" + "EACH(a, b) {\n" * 5 + "x();\n" + "}\n" * 5 + "}\n"
        self.assertIn("main nests 5 deep", c(code)[0])

    def test_else_if_is_no_level(self):
        code = "if (a) {\n\tx();\n} else if (b) {\n\tx();\n} else if (c)\n\tx();\nelse\n\tx();\n"
        self.assertEqual(c("int main(void)\n{\n" + "{\n" * 3 + code + "}\n" * 3 + "}\n"), [])

    def test_files_have_a_length(self):
        self.assertEqual(c("int a;\n" * 799), [])
        self.assertIn("801 lines, 800 at most", c("int a;\n" * 800)[0])
        header = tree({"lib/base/base_x.h": SPDX + "int a;\n" * 400})
        self.assertIn("lib/base/base_x.h:401: 401 lines, 400 at most", header)
        self.assertIn("61 lines, 60 at most", tree({"tests/talk/a.talk": "# x\n" * 61})[0])

    def test_lines_have_a_width_and_a_tab_is_eight(self):
        self.assertEqual(c("int b;\n\tint " + "a" * 87 + ";\n"), [])
        self.assertIn("3: 101 columns, 100 at most", c("int b;\n\tint " + "a" * 88 + ";\n")[0])
        self.assertEqual(tree({"lib/x.def": SPDX + "/* " + "a" * 100 + " */\n",
                               "lib/base/base_y.c": SPDX + '#include "x.def"\n',
                               "lib/base/meson.build": "'base_y.c'\n"}), [])

    def test_a_module_has_24_pairs(self):
        files = {f"lib/base/base_{i}.c": SPDX for i in range(25)}
        files["lib/base/meson.build"] = " ".join(f"base_{i}.c" for i in range(25)) + "\n"
        self.assertEqual(tree(files), ["lib/base:0: 25 pairs of files, 24 at most"])

    def test_the_engine_has_34_pairs(self):
        for count, found in ((34, []), (35, ["lib/tcp:0: 35 pairs of files, 34 at most"])):
            files = {f"lib/tcp/tcp_{i}.c": SPDX for i in range(count)}
            files["lib/tcp/meson.build"] = " ".join(f"tcp_{i}.c" for i in range(count)) + "\n"
            self.assertEqual(tree(files), found)


class Banned(unittest.TestCase):
    def banned(self, line, name, where_not):
        code = f"int main(void)\n{{\n\t{line}\n}}\n"
        self.assertEqual(len(found := c(code, name)), 1, found)
        self.assertTrue(found[0].startswith(f"{name}:4: `"), found)
        for other in where_not:
            self.assertEqual(c(code, other), [])

    def test_printing_in_lib(self):
        for call in ("printf(s);", "fprintf(stderr, s);", "puts(s);"):
            self.banned(call, "lib/tcp/tcp_x.c", ["lib/base/base_log.c", "lib/wire/wire_print.c",
                                                  "lib/tcp/test_tcp_x.c", "app/leat/main.c"])
        self.assertEqual(c("int main(void)\n{\n\tsnprintf(s);\n}\n"), [])

    def test_allocating_in_lib(self):
        for call in ("p = malloc(1);", "p = calloc(1, 1);", "free(p);"):
            self.banned(call, "lib/tcp/tcp_x.c", ["lib/nic/nic_x.c", "lib/tcp/test_tcp_x.c"])

    def test_reading_a_clock(self):
        for call in ("rte_rdtsc();", "clock_gettime(a, b);", "gettimeofday(a, b);"):
            self.banned(call, "lib/tcp/tcp_x.c", ["lib/shard/shard_clock.c", "bench/bench_x.c"])

    def test_assigning_a_state(self):
        for line in ("tcb->state = 1;", "tcb.state = 1;"):
            self.banned(line, "lib/tcp/tcp_x.c", ["lib/tcp/tcp_state.c", "lib/nic/nic_x.c"])
        self.assertEqual(c("int main(void)\n{\n\tif (t->state == 1)\n\t\tx();\n}\n",
                           "lib/tcp/tcp_x.c"), [])

    def test_volatile_and_rand(self):
        self.banned("volatile int a;", "tests/talk/x.c", [])
        self.banned("a = rand();", "bench/x.c", [])

    def test_marks_of_undone_work(self):
        for name in ("README.md", "tests/talk/a.talk", "lib/meson.build"):
            self.assertIn(f"{name}:1: `{MARK}`: undone work", tree({name: f"# {MARK}: x\n"})[0])
        self.assertIn(f":2: `{MARK}`", c(f"/* {MARK} */\n")[0])

    def test_paths_of_one_machine(self):
        self.assertIn("README.md:2: `/", tree({"README.md": f"a\nsee {PLACE}\n"})[0])
        self.assertEqual(tree({"README.md": "see src/" "work/x, a/b and the root/work\n"}), [])

    def test_headers_that_no_include_path_hides(self):
        self.assertIn("lib/tcp/tcp_x.c:2: include numa.h: only in",
                      c("#include <numa.h>\n", "lib/tcp/tcp_x.c")[0])
        self.assertEqual(c("#include <numa.h>\n", "lib/nic/nic_x.c"), [])

    def test_an_include_by_path(self):
        self.assertIn("lib/tcp/tcp_x.c:2: include ../flow/flow_x.h: by name",
                      c('#include "../flow/flow_x.h"\n', "lib/tcp/tcp_x.c")[0])


class Whole(unittest.TestCase):
    def test_trailing_space_and_final_newline(self):
        self.assertEqual(tree({"README.md": "a \n"}), ["README.md:1: trailing space"])
        self.assertEqual(tree({"README.md": "a"}), ["README.md:1: end with one newline"])
        self.assertEqual(tree({"README.md": "a\n\n"}), ["README.md:3: end with one newline"])

    def test_the_licence_is_named_first(self):
        self.assertEqual(tree({"tools/x.py": "import re\n"}), ["tools/x.py:1: no SPDX line here"])
        self.assertEqual(tree({"run": "#!/bin/sh\necho\n"}), ["run:2: no SPDX line here"])
        self.assertIn("lib/x.def:1: no SPDX line here", tree({"lib/x.def": "X(a)\n" + SPDX}))

    def test_deviations_are_listed_and_the_list_is_true(self):
        page = "# Deviations\n\n## no-urg\n\nWhy.\n"
        self.assertEqual(c("/* DEVIATION(no-urg) */\n", **{"docs/deviations.md": page}), [])
        found = c("/* DEVIATION(other) */\n", **{"docs/deviations.md": page})
        self.assertIn("base_x.c:2: DEVIATION(other) has no heading in docs/deviations.md", found[0])
        self.assertEqual("docs/deviations.md:3: no DEVIATION(no-urg) in the code", found[1])

    def test_dead_files(self):
        self.assertEqual(tree({"bench/x.c": SPDX, "bench/meson.build": "files('y.c')\n"}),
                         ["bench/x.c:1: no meson.build names it"])
        self.assertEqual(tree({"lib/x.h": SPDX}), ["lib/x.h:1: nothing includes it"])
        self.assertEqual(tree({"lib/a/test_ring.c": SPDX, "lib/a/meson.build": "['ring']\n"}), [])

    def test_dead_functions(self):
        self.assertEqual(c("int leat_x(int a);\n" + body(1, "leat_x")),
                         ["lib/base/base_x.c:3: nothing uses leat_x"])
        for use in ("int main(void)\n{\n\tleat_x();\n}\n", "#define X leat_x()\n",
                    "static const struct ops o = {.f = leat_x};\n", "#define N(n) leat_##n\n"):
            self.assertEqual(c(body(1, "leat_x") + use), [])

    def test_a_static_function_has_no_product_prefix(self):
        self.assertIn("leat_x is static: no product prefix",
                      c("static " + body(1, "leat_x") + body(1).replace("x = 1", "leat_x()"))[0])

    def test_symbols_start_with_the_product(self):
        def build(root):
            def run(*command):
                subprocess.run(command, cwd=f"{root}/build/lib", check=True)
            cc = next(filter(shutil.which, ("cc", "gcc", "clang")))
            run(cc, "-c", "a.c")
            run("ar", "rc", "libleat_a.a", "a.o")
            return Tidy(root, Path(root, "build"))
        found = tree({"build/lib/a.c": "int leat_a; int naked; static int own;\n"
                                       "int f(void) { return own; }\n"}, build)
        self.assertEqual(sorted(found), ["libleat_a.a:0: symbol f does not start with leat_",
                                         "libleat_a.a:0: symbol naked does not start with leat_"])
        self.assertEqual(tree({"build/x": ""}, lambda root: Tidy(root, Path(root, "build"))),
                         ["build:0: no archives: build first"])


class Arrows(unittest.TestCase):
    def run_on(self, root, option):
        command = [sys.executable, Path(__file__).with_name("fsm_dot.py"), option, root]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_the_page_is_checked_against_the_list(self):
        with tempfile.TemporaryDirectory() as root:
            fsm, page = Path(root, "lib/tcp/tcp_fsm.def"), Path(root, "docs/tcp.md")
            fsm.parent.mkdir(parents=True)
            page.parent.mkdir()
            fsm.write_text("/* ARROW(X, Y, Z, W) */\nARROW(LISTEN, RCV_SYN, SYN_SENT, FIG_5)\n")
            page.write_text("# TCP\n<!-- arrows: begin, written by `ninja arrows` -->\n"
                            "<!-- arrows: end -->\nafter\n")
            self.assertEqual(self.run_on(root, "--check").returncode, 1)
            self.assertEqual(self.run_on(root, "--write").returncode, 0)
            self.assertEqual(self.run_on(root, "--check").returncode, 0)
            self.assertIn("| **LISTEN** | rcv SYN | SYN-SENT | figure 5 |", page.read_text())
            self.assertTrue(page.read_text().endswith("after\n"))
            fsm.write_text(fsm.read_text().replace("SYN_SENT", "CLOSED"))
            self.assertEqual(self.run_on(root, "--check").returncode, 1)

    def test_a_row_that_is_no_arrow_or_comes_twice_is_refused(self):
        with tempfile.TemporaryDirectory() as root:
            fsm = Path(root, "lib/tcp/tcp_fsm.def")
            fsm.parent.mkdir(parents=True)
            for rows in ("ARROW(A, B, C)\n", "ARROW(A, B, C, D)\nARROW(A, B, E, D)\n"):
                fsm.write_text(rows)
                self.assertEqual(self.run_on(root, "--text").returncode, 1)


class Tap(unittest.TestResult):
    def name(self, test):
        return test.id().split(".", 1)[-1].replace("test_", "").replace("_", " ").replace(".", ": ")

    def addSuccess(self, test):
        print(f"ok {self.testsRun} - {self.name(test)}")

    def addFailure(self, test, err):
        print(f"not ok {self.testsRun} - {self.name(test)}")
        print(textwrap.indent(self._exc_info_to_string(err, test), "# "), end="")
        self.failures.append((test, ""))

    addError = addFailure


if __name__ == "__main__":
    cases = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    print(f"1..{cases.countTestCases()}")
    sys.exit(0 if cases.run(Tap()).wasSuccessful() else 1)
