"""What server-side apply sees of a schema."""

from __future__ import annotations

import pytest

from choreo_local.apimachinery.patch import atoms
from choreo_local.apimachinery.patch.atoms import DEDUCED, Relation, Scalar
from tests.apimachinery.kinds import DEPLOYMENT, WIDGET

SPEC = atoms.of_object(WIDGET).fields["spec"][1]


@pytest.mark.parametrize(
    ("field", "scalar", "items", "fields"),
    [
        ("a", Scalar.STRING, None, None),
        ("n", Scalar.NUMERIC, None, None),
        ("b", Scalar.BOOLEAN, None, None),
        ("when", Scalar.UNTYPED, None, None),
        ("port", Scalar.UNTYPED, None, None),
        ("m", None, None, Relation.GRANULAR),
        ("am", None, None, Relation.ATOMIC),
        ("al", None, Relation.ATOMIC, None),
        ("set", None, Relation.SET, None),
        ("lm", None, Relation.KEYED, None),
        ("free", Scalar.UNTYPED, Relation.ATOMIC, Relation.GRANULAR),
    ],
)
def test_each_place_knows_what_it_holds_and_how_it_merges(
    field: str, scalar: Scalar | None, items: Relation | None, fields: Relation | None
) -> None:
    _, atom, declared = SPEC.child(field)

    assert declared
    assert (atom.scalar, atom.list, atom.map) == (scalar, items, fields)


def test_what_is_not_declared_is_deduced_where_it_is_allowed() -> None:
    assert SPEC.child("unknown") == ("f:unknown", DEDUCED, False)
    assert SPEC.element is None
    assert SPEC.fields["any"][1].element is DEDUCED
    assert SPEC.fields["open"][1].element is DEDUCED
    assert atoms.below(SPEC.fields["a"][1], "f:x") == (DEDUCED, False)
    assert atoms.of_object(WIDGET).fields["kind"][1].element is None


def test_atoms_are_made_once_for_each_node() -> None:
    assert atoms.of_object(WIDGET) is atoms.of_object(WIDGET)
    assert atoms.of(WIDGET) is not atoms.of_object(WIDGET)


def test_embedded_objects_have_metadata_as_whole_objects_do() -> None:
    embedded = SPEC.fields["embedded"][1]

    assert set(embedded.fields) == {"apiVersion", "kind", "metadata"}
    assert atoms.of_object(WIDGET).fields["metadata"][1] is embedded.fields["metadata"][1]


def test_equality_is_exact_only_where_types_are_known() -> None:
    assert atoms.of_object(DEPLOYMENT).fields["metadata"][1].is_exact
    assert not atoms.of_object(WIDGET).is_exact
    assert SPEC.fields["lm"][1].is_exact
    assert not SPEC.fields["bare"][1].is_exact


def test_a_leaf_has_no_items() -> None:
    with pytest.raises(NotImplementedError):
        atoms.Atom().identify("x")
