"""A tree of sources as the static rules look at it: its files, their lines, the objects made of
them and what these define and need, and the problems found. For tools/check.py and tools/rooms.py,
and for their tests, which plant small trees of their own."""
import os
import re
import shlex
import subprocess


class Tree:
    def __init__(self, root):
        self.root = root
        self.problems = []
        self.kept = {}

    def problem(self, path, line, text):
        self.problems.append(f"{path}:{line}: {text}")

    def path(self, name):
        return os.path.join(self.root, name)

    def exists(self, name):
        return os.path.exists(self.path(name))

    def tracked(self):
        """Files git knows or would add; without git, every file outside build/."""
        if "tracked" not in self.kept:
            self.kept["tracked"] = self.list_files()
        return self.kept["tracked"]

    def list_files(self):
        try:
            out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=self.root,
                                 capture_output=True, text=True, check=True).stdout
            return sorted(f for f in out.split("\n") if f and self.exists(f))
        except (OSError, subprocess.CalledProcessError):
            found = []
            for folder, dirs, files in os.walk(self.root):
                dirs[:] = [d for d in dirs if d not in ("build", ".git", "__pycache__")]
                found += [os.path.relpath(os.path.join(folder, f), self.root) for f in files]
            return sorted(found)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read().split("\n")

    def make(self, words):
        return subprocess.run(["make", "-s", "--no-print-directory", "-j2"] + words, cwd=self.root,
                              capture_output=True, text=True)

    def build(self, names):
        """True when the objects are there and new."""
        done = self.make(names)
        if done.returncode != 0:
            self.problem("Makefile", 1, "the objects do not build:\n" + done.stdout + done.stderr)
        return done.returncode == 0

    def objects(self, folders, exclude=(), suffixes=(".c",)):
        """The metal objects of the sources directly in folders, built when needed."""
        sources = sorted(f for f in self.tracked()
                         if f.endswith(suffixes) and os.path.dirname(f) in folders)
        names = [f"build/metal/{s[:-2]}.o" for s in sources if s not in exclude]
        return names if self.build(names) else []

    def nm(self, flags, names):
        """Reads the code in the objects: unless told, it reads what link-time optimisation will."""
        return subprocess.run(["nm", "--target=elf64-x86-64"] + flags + names, cwd=self.root,
                              capture_output=True, text=True).stdout.split("\n")

    def symbols(self, names):
        """(object, kind as nm has it, symbol) of all that the objects define and need."""
        for line in self.nm(["-A"], names):
            if m := re.match(r"(\S+?):(?:[0-9a-f]+)?\s+(\w)\s+(\S+)$", line):
                yield m.groups()

    def compiler(self):
        """The command that compiles a C file of the metal, less input and output."""
        done = self.make(["metal-compiler"])
        if done.returncode != 0:
            self.problem("Makefile", 1, "make metal-compiler fails: " + done.stderr.strip())
            return []
        return shlex.split(done.stdout)
