"""Tables of links and truths say one thing of each interaction, or are refused with every fault."""

import pytest

from identity_engine.application.link_quality import evaluate_files, read_truth
from identity_engine.errors import UsageError

HEAD = "source,interaction_id,person\n"


def table(folder, text, name="truth.csv"):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_truth_names_a_person_for_each_interaction(tmp_path):
    path = table(tmp_path, HEAD + "web,1,ann\nweb,2,ben\nweb,1,ann\n\n")
    assert read_truth(path) == {("web", "1"): "ann", ("web", "2"): "ben"}


@pytest.mark.parametrize("cell", ["web,2,", "web,2, ", "web,2", ",2,ben", "web,,ben"])
def test_an_empty_cell_is_nobody_and_not_one_person(tmp_path, cell):
    with pytest.raises(UsageError, match=r"line 3.*empty"):
        read_truth(table(tmp_path, f"{HEAD}web,1,ann\n{cell}\n"))


def test_an_interaction_of_two_people_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"line 4.*another") as refused:
        read_truth(table(tmp_path, f"{HEAD}web,1,ann\nweb,2,ben\nweb,1,ben\n"))
    assert "ben" not in str(refused.value)


def test_every_fault_is_listed(tmp_path):
    with pytest.raises(UsageError, match=r"line 2.*\n.*line 4"):
        read_truth(table(tmp_path, f"{HEAD}web,1,\nweb,2,ben\nweb,2,ann\n"))


def test_many_faults_are_counted(tmp_path):
    with pytest.raises(UsageError, match=r"and 30 more") as refused:
        read_truth(table(tmp_path, HEAD + "web,1,\n" * 40))
    assert len(str(refused.value).splitlines()) < 15


def test_links_without_a_contact_are_refused_as_well(tmp_path):
    truth = table(tmp_path, HEAD + "web,1,ann\n")
    links = table(tmp_path, "source,interaction_id,contact_id\nweb,1,\n", "links.csv")
    with pytest.raises(UsageError, match=r"links\.csv.*"):
        evaluate_files(links, truth)
