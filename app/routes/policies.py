"""GET /v1/policies."""

from typing import Any

from fastapi import APIRouter

from app.convert.answers import policies_answer
from app.schemas.answers import PoliciesAnswer
from app.schemas.closures import CLOSING_MODELS
from app.schemas.policies import POLICY_MODELS

router = APIRouter(tags=["solve"])


@router.get("/v1/policies", summary="List the policies", response_model=PoliciesAnswer)
async def list_policies() -> dict[str, Any]:
    """Every policy: what it does, its parameters as JSON Schema, the axioms it keeps, and what it costs to compute.

    An axiom that is claimed here is held by a test, up to one unit an account from rounding; one that is not claimed
    has a counterexample in the tests. Policies of contract space, `closing_policies`, claim none.
    """
    schemas, closing = (
        {name: model.model_json_schema() for name, model in models.items()}
        for models in (POLICY_MODELS, CLOSING_MODELS)
    )
    return policies_answer(schemas, closing)
