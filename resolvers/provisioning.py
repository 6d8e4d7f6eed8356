"""Provisioning: the mutations by which visits have their parts: holds, reorder rules, purchase orders."""

import strawberry

from resolvers import purchasing, reservations
from resolvers.duties import CLERKS, STOREKEEPERS
from schema.purchasing import (
    CancelPurchaseOrderInput,
    CancelPurchaseOrderPayload,
    CreatePurchaseOrderInput,
    CreatePurchaseOrderPayload,
    CreateReorderRuleInput,
    CreateReorderRulePayload,
    PlacePurchaseOrderInput,
    PlacePurchaseOrderPayload,
    ReceivePurchaseOrderInput,
    ReceivePurchaseOrderPayload,
    UpdateReorderRuleInput,
    UpdateReorderRulePayload,
)
from schema.reservations import (
    ConsumePartsInput,
    ConsumePartsPayload,
    PickPartsInput,
    PickPartsPayload,
    ReleaseReservationInput,
    ReleaseReservationPayload,
    ReservePartsInput,
    ReservePartsPayload,
    ReturnPartsInput,
    ReturnPartsPayload,
)
from schema.verbs import verb


@strawberry.type
class Provisioning:
    """Fields of Mutation; a type of its own only in Python."""

    reserve_parts: ReservePartsPayload = verb(
        reservations.reserve_parts,
        ReservePartsInput,
        "Hold parts for a visit, HELD; nobody else can take them. In the field, out of the own van.",
        roles=STOREKEEPERS,
        scope="stock:write",
    )
    release_reservation: ReleaseReservationPayload = verb(
        reservations.release_reservation,
        ReleaseReservationInput,
        "Give a hold up: RELEASED, its pieces are free where they lie.",
        roles=STOREKEEPERS,
        scope="stock:write",
    )
    pick_parts: PickPartsPayload = verb(
        reservations.pick_parts,
        PickPartsInput,
        "Take held pieces along: PICKED, they are in the van and still held.",
        roles=STOREKEEPERS,
        scope="stock:write",
    )
    consume_parts: ConsumePartsPayload = verb(
        reservations.consume_parts,
        ConsumePartsInput,
        "Use pieces at a visit: what is PICKED or HELD for it in that place is CONSUMED first, then what is"
        " free there. In the field, out of the own van.",
        roles=STOREKEEPERS,
        scope="stock:write",
    )
    return_parts: ReturnPartsPayload = verb(
        reservations.return_parts,
        ReturnPartsInput,
        "Bring picked pieces back: RETURNED, they are free on a shelf.",
        roles=STOREKEEPERS,
        scope="stock:write",
    )
    create_reorder_rule: CreateReorderRulePayload = verb(
        purchasing.create_reorder_rule,
        CreateReorderRuleInput,
        "Have a part ordered for a place by itself: at once where too little is there, and whenever a change"
        " brings it down to the minimum.",
        roles=CLERKS,
        scope="stock:write",
    )
    update_reorder_rule: UpdateReorderRulePayload = verb(
        purchasing.update_reorder_rule,
        UpdateReorderRuleInput,
        "Change a reorder rule, or switch it off; what it has ordered stays ordered.",
        roles=CLERKS,
        scope="stock:write",
    )
    create_purchase_order: CreatePurchaseOrderPayload = verb(
        purchasing.create_purchase_order,
        CreatePurchaseOrderInput,
        "Order by hand, at once or as a draft.",
        roles=CLERKS,
        scope="stock:write",
    )
    place_purchase_order: PlacePurchaseOrderPayload = verb(
        purchasing.place_purchase_order,
        PlacePurchaseOrderInput,
        "Order what is a draft.",
        roles=CLERKS,
        scope="stock:write",
    )
    receive_purchase_order: ReceivePurchaseOrderPayload = verb(
        purchasing.receive_purchase_order,
        ReceivePurchaseOrderInput,
        "What was ordered has come, in part or whole, and is in stock.",
        roles=CLERKS,
        scope="stock:write",
    )
    cancel_purchase_order: CancelPurchaseOrderPayload = verb(
        purchasing.cancel_purchase_order,
        CancelPurchaseOrderInput,
        "What has not come will not come; what has, stays.",
        roles=CLERKS,
        scope="stock:write",
    )
