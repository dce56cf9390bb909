"""Citas y bibliografía en español: «Mnih et al. (2015)», «Sutton y Barto (2018)»."""

from dataclasses import dataclass, field

from pybtex.plugin import register_plugin
from pybtex.style import template as t
from pybtex.style.formatting import toplevel
from pybtex.style.formatting.unsrt import Style, dashify
from sphinxcontrib.bibtex.plugin import register_plugin as registrar_citas
from sphinxcontrib.bibtex.style.referencing import BracketStyle, PersonStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle


def parentesis():
    return BracketStyle(left="(", right=")")


@dataclass
class Citas(AuthorYearReferenceStyle):
    """Autor y año, entre paréntesis y con «y» entre dos autores."""

    bracket_textual: BracketStyle = field(default_factory=parentesis)
    bracket_parenthetical: BracketStyle = field(default_factory=parentesis)
    person: PersonStyle = field(default_factory=lambda: PersonStyle(sep2=" y ", last_sep=" y "))


class Bibliografia(Style):
    """Autores. Título. Dónde, año. Enlaces.  Los títulos quedan como están en el archivo .bib."""

    default_sorting_style = "author_year_title"

    def entrada(self, e):
        titulo = t.field("title")
        return toplevel[
            t.sentence[t.names("author", sep=", ", sep2=" y ", last_sep=" y ")],
            t.sentence[t.tag("em")[titulo] if e.type == "book" else titulo],
            t.sentence[self.donde(e), t.field("year")],
            self.format_web_refs(e),
        ]

    def donde(self, e):
        numero = t.optional[t.field("volume"), t.optional["(", t.field("number", dashify), ")"]]
        paginas = t.optional["págs. ", t.field("pages", dashify)]
        if e.type == "article":
            return t.join(sep=", ")[t.tag("em")[t.field("journal")], numero, paginas]
        if e.type == "inproceedings":
            return t.join(sep=", ")[t.join["En ", t.tag("em")[t.field("booktitle")]], numero, paginas]
        if e.type == "book":
            return t.join(sep=", ")[t.optional[t.field("edition"), " edición"], t.field("publisher")]
        return t.optional_field("howpublished")

    get_article_template = get_inproceedings_template = get_book_template = get_misc_template = entrada


def setup(app):
    register_plugin("pybtex.style.formatting", "espanol", Bibliografia)
    registrar_citas("sphinxcontrib.bibtex.style.referencing", "espanol", Citas)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
