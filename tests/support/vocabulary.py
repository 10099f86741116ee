"""The W3C's Data Privacy Vocabulary, as far as tests know it: which terms there are, and of what kind."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

from rdflib import BNode, Graph, URIRef
from rdflib.namespace import RDF

from tests.support.places import TOP

MODULES = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
}
ELSEWHERE = frozenset(  # terms of other vocabularies that a record may use, each looked up by hand
    {
        *("http://purl.org/dc/terms/" + name for name in ("conformsTo", "created", "description", "identifier")),
        *("http://purl.org/dc/terms/" + name for name in ("language", "title", "Standard")),
        *("http://spdx.org/rdf/terms#" + name for name in ("checksum", "algorithm", "checksumValue", "Checksum")),
        "http://spdx.org/rdf/terms#checksumAlgorithm_sha256",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#value",
        "http://www.w3.org/2004/02/skos/core#broader",
        "https://schema.org/url",
        "https://w3id.org/dpv/schema/dpv-27560#record",
    }
)


@cache
def terms() -> dict[str, str]:
    """The kind of each term, by its whole name."""
    found, module, kind = dict[str, str](), "", ""
    for line in (TOP / "tests" / "vectors" / "dpv-2.3.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            module, kind = line.strip("[]").split()
        elif not line.startswith("#"):
            found |= {MODULES[module] + name: kind for name in line.split()}
    return found


def graph_of(document: Any) -> Graph:
    """What a JSON-LD processor makes of a document; it asks for no context from elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the library's own parser uses a class that it deprecates
        return Graph().parse(data=json.dumps(document), format="json-ld")


def problems(graph: Graph) -> Iterator[str]:
    """What a graph says in words that no vocabulary has, or in words of another kind."""
    for _, predicate, thing in graph:
        if predicate != RDF.type and terms().get(str(predicate)) != "property" and str(predicate) not in ELSEWHERE:
            yield f"no property: {predicate}"
        if predicate == RDF.type and isinstance(thing, BNode):
            yield "a type without a name"
        if isinstance(thing, URIRef) and terms().get(str(thing)) != "class" and str(thing) not in ELSEWHERE:
            yield f"no class: {thing}"


def keys(document: Any) -> Iterator[str]:
    """Every key of a JSON-LD document that says something, but those of its context."""
    if isinstance(document, list):
        for each in document:
            yield from keys(each)
    elif isinstance(document, dict):
        for key, value in document.items():
            if key != "@context" and value != []:
                yield from [] if key.startswith("@") else [key]
                yield from keys(value)
