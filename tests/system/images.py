"""Boot images made for a test: the menu of iso/grub.cfg, which does not wait for a person."""
import os
import shutil
import subprocess

from machine import BUILD, ROOT


def without_menu():
    """iso/grub.cfg with the time-out of its menu taken away."""
    with open(os.path.join(ROOT, "iso", "grub.cfg"), encoding="utf-8") as f:
        menu = f.read()
    assert "set timeout=2\n" in menu
    return menu.replace("set timeout=2\n", "set timeout=0\n")


def make_tree(tree, menu, files):
    """A folder for tools/mkiso.sh --tree: the menu, and files (path in it: path here)."""
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(os.path.join(tree, "boot", "grub"))
    with open(os.path.join(tree, "boot", "grub", "grub.cfg"), "w", encoding="utf-8") as f:
        f.write(menu)
    for name, path in files.items():
        shutil.copyfile(path, os.path.join(tree, name))


def make_image(path, append="", app="httpd"):
    """An image at path whose first entry starts at once, with more words on its command line."""
    tree = path + ".tree"
    make_tree(tree, without_menu(), {"boot/ringside.elf": os.path.join(BUILD, f"{app}.elf")})
    with open(os.path.join(tree, "boot", "append.cfg"), "w", encoding="utf-8") as f:
        f.write(f"set append='{append}'\n")
    run_mkiso("--tree", tree, path)
    shutil.rmtree(tree)
    return path


def run_mkiso(*arguments, **environment):
    subprocess.run([os.path.join(ROOT, "tools", "mkiso.sh"), *arguments], check=True,
                   env={**os.environ, **environment})
