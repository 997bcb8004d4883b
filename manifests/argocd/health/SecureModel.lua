-- Healthy: the revision that the spec asks for serves. Degraded: it must not run, or it has failed. Suspended: people are waited for.
local health = { status = "Progressing", message = "the operator has not looked at it yet" }
if obj.spec.suspend == true then
  return { status = "Suspended", message = "spec.suspend is true; what runs stays" }
end
local status = obj.status
if status == nil or status.conditions == nil or status.observedGeneration ~= obj.metadata.generation then
  return health
end
local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local ready = conditions.Ready
if ready == nil then
  return health
end
health.message = ready.reason .. ": " .. ready.message
local people = { Latched = true, Paused = true, ScaledToZero = true, WaitsForApproval = true }
local failed = { CoolingDown = true, RollbackBudgetSpent = true }
local stalled = conditions.Stalled ~= nil and conditions.Stalled.status == "True"
if ready.status == "True" then
  health.status = "Healthy"
elseif status.quarantine ~= nil then
  health.status = "Degraded"
elseif people[ready.reason] then
  health.status = "Suspended"
elseif stalled or failed[ready.reason] then
  health.status = "Degraded"
end
return health
