"""RFC 7644 §4: a client learns from the server itself what it can do, and it is true."""

from typing import Any

import pytest

from tests.conformance.resources import ENTERPRISE, GROUP, LIST, USER, assert_error
from tests.scim import SCIM_JSON, Scim

ENDPOINTS = ["/ServiceProviderConfig", "/Schemas", "/ResourceTypes"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_rfc7644_4_discovery_endpoints_refuse_a_filter(scim: Scim, endpoint: str) -> None:
    assert_error(scim.get(endpoint, query={"filter": 'name eq "User"'}), 403)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_rfc7644_4_discovery_endpoints_ignore_paging_and_sorting(scim: Scim, endpoint: str) -> None:
    query = {"startIndex": 2, "count": 1, "sortBy": "name"}
    answer = scim.get(endpoint, query=query)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(SCIM_JSON)
    assert answer.json == scim.get(endpoint).json


@pytest.mark.parametrize("endpoint", ["/Schemas", "/ResourceTypes"])
def test_rfc7644_4_what_is_listed_is_found_at_its_location(scim: Scim, endpoint: str) -> None:
    listed = scim.get(endpoint).json
    assert listed["schemas"] == [LIST]
    assert listed["totalResults"] == len(listed["Resources"])
    for resource in listed["Resources"]:
        path = resource["meta"]["location"].removeprefix(scim.base)
        assert path == f"{endpoint}/{resource['id']}"
        assert scim.get(path).json == resource
    assert_error(scim.get(f"{endpoint}/no-such-thing"), 404)


def test_rfc7644_4_every_resource_type_names_schemas_and_an_endpoint_that_exist(
    scim: Scim,
) -> None:
    schemas = {schema["id"] for schema in scim.get("/Schemas").json["Resources"]}
    types = {kind["name"]: kind for kind in scim.get("/ResourceTypes").json["Resources"]}
    assert types.keys() == {"User", "Group"}
    assert (types["User"]["schema"], types["Group"]["schema"]) == (USER, GROUP)
    assert [extension["schema"] for extension in types["User"]["schemaExtensions"]] == [ENTERPRISE]
    assert types["User"]["schemaExtensions"][0]["required"] is False
    assert {USER, GROUP, ENTERPRISE} <= schemas
    for kind in types.values():
        assert scim.get(kind["endpoint"]).status == 200


def test_rfc7643_7_every_attribute_states_all_its_characteristics(scim: Scim) -> None:
    for schema in scim.get("/Schemas").json["Resources"]:
        for attribute in _with_sub_attributes(schema["attributes"]):
            where = (schema["id"], attribute["name"])
            assert attribute["type"], where
            assert attribute["description"], where
            for flag in ("multiValued", "required", "caseExact"):
                if flag != "caseExact" or attribute["type"] in ("string", "reference"):
                    assert isinstance(attribute[flag], bool), where
            assert attribute["mutability"] in (
                *("readOnly", "readWrite", "immutable", "writeOnly"),
            ), where
            assert attribute["returned"] in ("always", "never", "default", "request"), where
            assert None not in attribute.values(), where


def test_rfc7643_5_the_service_provider_config_tells_what_is_served(scim: Scim) -> None:
    config = scim.get("/ServiceProviderConfig").json
    for feature in ("patch", "filter", "sort", "etag"):
        assert config[feature]["supported"] is True, feature
    assert config["filter"]["maxResults"] == 1000
    assert config["changePassword"]["supported"] is False
    kinds = {scheme["type"] for scheme in config["authenticationSchemes"]}
    assert kinds & {"oauthbearertoken", "oauth2"}
    assert config["meta"]["resourceType"] == "ServiceProviderConfig"
    assert config["meta"]["location"] == f"{scim.base}/ServiceProviderConfig"


def _with_sub_attributes(attributes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return attributes + [
        part
        for attribute in attributes
        for part in _with_sub_attributes(attribute.get("subAttributes", []))
    ]
