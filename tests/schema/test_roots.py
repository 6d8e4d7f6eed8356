"""The names of the roots that client teams and their scripts rely on: none of them is missing."""

import pytest

from resolvers import root

CONNECTIONS = """customers contacts sites assets contracts entitlements milestones maintenancePlans workTypes
workOrders visits technicians crews skills certifications territories shifts absences parts stockLocations
stockLevels stockMovements reservations transfers reorderRules purchaseOrders plans
schedulingPolicies trackingLinks users apiKeys"""
BY_KEY = """workOrderByNumber contractByNumber partByNumber partByBarcode assetBySerial technicianByCode
customerByExternalId siteByExternalId assetByExternalId contractByExternalId workOrderByExternalId
technicianByExternalId partByExternalId"""
ONE = """viewer cursor changes rateLimit node nodes asOf partAvailability customer contact site asset contract
workOrder visit user apiKey technician part plan maintenancePlan workType crew purchaseOrder import"""
CUSTOMERS = """createCustomer updateCustomer archiveCustomer createContact updateContact createSite updateSite
createAsset updateAsset recordMeterReading upsertCustomers upsertSites upsertAssets upsertParts
upsertTechnicians upsertContracts"""
CONTRACTS = """createContract activateContract renewContract cancelContract addEntitlement
createMaintenancePlan skipOccurrence moveOccurrence"""
WORK = """createWorkOrder updateWorkOrder approveWorkOrder holdWorkOrder releaseWorkOrder cancelWorkOrder
closeWorkOrder addVisit completeTask"""
VISITS = """scheduleVisit rescheduleVisit unscheduleVisit assignTechnician pinVisit unpinVisit dispatchVisit
recallVisit startTravel stopTravel recordArrival withdrawArrival startWork pauseWork resumeWork completeVisit
markIncomplete markNoAccess cancelVisit createFollowUp"""
TECHNICIANS = """createTechnician updateTechnician setSkills addCertification createShift createShiftPattern
createAbsence createCrew createTerritory updateTerritory reportPositions"""
STOCK = """createPart createStockLocation receiveStock adjustStock countStock reserveParts releaseReservation
pickParts consumeParts returnParts requestTransfer shipTransfer receiveTransfer createReorderRule
createPurchaseOrder receivePurchaseOrder"""
PLANNING = "createSchedulingPolicy updateSchedulingPolicy proposePlan cancelPlan commitPlan discardPlan"
REST = """createTrackingLink revokeTrackingLink createApiKey revokeApiKey createUser updateUser deactivateUser
importRows"""
SUBSCRIPTIONS = """scheduleChanges visitChanges workOrderChanges visitTracking technicianPositions stockAlerts
milestoneAlerts planProgress importProgress changes"""
MUTATIONS = f"{CUSTOMERS} {CONTRACTS} {WORK} {VISITS} {TECHNICIANS} {STOCK} {PLANNING} {REST}"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("Query", f"{CONNECTIONS} {BY_KEY} {ONE}"),
        ("Mutation", MUTATIONS),
        ("Subscription", SUBSCRIPTIONS),
    ],
)
def test_every_root_that_clients_rely_on_is_there(kind: str, names: str) -> None:
    found = root.build()._schema.type_map[kind].fields  # type: ignore[attr-defined]  # an object type

    assert sorted(set(names.split()) - set(found)) == []
