"""scim2-tester, written by the authors of scim2-models, is an independent judge: all its checks."""

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import CheckResult, Status, check_server

from tests.serving import ServedRealm

# COMPLIANT keeps a SHOULD and ACCEPTABLE uses a MAY; DEVIATION breaks a SHOULD and is a failure
# here. SKIPPED is accepted only for the reasons below.
ACCEPTED = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}
ACCEPTED_SKIPS = {
    # Searching below the root is optional (RFC 7644 §3.4.2.1); the search of one type is checked.
    "POST /.search: searching several resource types at once is not supported by the server",
}
MUST_HAVE_RUN = {
    *("object_creation", "object_query", "object_replacement", "object_deletion"),
    *("check_add_attribute", "check_replace_attribute", "check_remove_attribute"),
    *("object_query_with_attributes", "object_list_with_attributes", "search_with_attributes"),
}


def test_scim2_tester_finds_nothing_wrong(module_realm: ServedRealm) -> None:
    headers = {"Authorization": f"Bearer {module_realm.token}"}
    # trust_env: a proxy set for the developer's shell must not see the loopback address.
    with Client(base_url=module_realm.base, headers=headers, timeout=30, trust_env=False) as http:
        results = check_server(SyncSCIMClient(http))
    failures = [_told(result) for result in results if not _is_accepted(result)]
    assert not failures, f"{len(failures)} of {len(results)} checks:\n" + "\n".join(failures)
    # The tester stops early, and content, where discovery gives it nothing to check.
    for resource_type in ("User", "Group"):
        ran = {result.title for result in results if result.resource_type == resource_type}
        assert ran >= MUST_HAVE_RUN, resource_type


def _is_accepted(result: CheckResult) -> bool:
    if result.status is Status.SKIPPED:
        return result.reason in ACCEPTED_SKIPS
    return result.status in ACCEPTED


def _told(result: CheckResult) -> str:
    where = f" {result.resource_type}" if result.resource_type else ""
    return f"{result.status.name} {result.title}{where}: {result.reason} {str(result.data)[:400]}"
