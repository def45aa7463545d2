"""A preprocessor of mdBook: pages of the project's top become pages of the book, and links to them stay links.

README.md and others lie above the book's own folder, where GitHub readers look for them, and so are `../README.md` in
SUMMARY.md and in links. Here they lose their `..`, and links to files that are no pages of the book lose their target.
"""

import json
import os
import posixpath
import re
import sys

HERE = f"../{os.path.basename(os.getcwd())}/"
LINK = re.compile(r"(?<!`)\[([^\]]*)\]\(([^)\s]+)\)")


def chapters(items):
    """All chapters, those below others too."""
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            yield item["Chapter"]
            yield from chapters(item["Chapter"]["sub_items"])


def led(chapter, places):
    """The chapter's text with every link as the book needs it."""
    folder = posixpath.dirname(chapter["source_path"])

    def link(found):
        words, target = found.groups()
        path, _, place = target.partition("#")
        if re.match(r"[a-z]+:", target) or not path:
            return found[0]
        # From the project's top, this folder's pages are in a folder of their own.
        path = posixpath.normpath(posixpath.join(folder, path)).removeprefix(HERE)
        if path in places:
            path = posixpath.relpath(places[path], posixpath.dirname(chapter["path"]) or ".")
            return f"[{words}]({path}{'#' + place if place else ''})"
        # Pictures lie in the book's folder, whose files are copied; README.md names them from above it.
        if os.path.exists(path) and not path.startswith(".."):
            return f"[{words}]({posixpath.relpath(path, posixpath.dirname(chapter['path']) or '.')})"
        return words

    return LINK.sub(link, chapter["content"])


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    _, book = json.load(sys.stdin)
    # mdBook 0.5 has another name for it than those before.
    pages = [chapter for chapter in chapters(book.get("items", book.get("sections"))) if chapter["path"]]
    places = {chapter["source_path"]: re.sub(r"^(\.\./)+", "", chapter["source_path"]) for chapter in pages}
    for chapter in pages:
        chapter["path"] = places[chapter["source_path"]]
    for chapter in pages:
        chapter["content"] = led(chapter, places)
    json.dump(book, sys.stdout)


main()
