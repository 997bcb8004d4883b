-- Healthy: what the spec asks for holds. Degraded: it does not, and does not come about by itself.
local health = { status = "Progressing", message = "the operator has not looked at it yet" }
if obj.spec.suspend == true then
  return { status = "Suspended", message = "spec.suspend is true; what is enforced stays enforced" }
end
local status = obj.status
if status == nil or status.conditions == nil then
  return health
end
local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local ready = conditions.Ready
if ready == nil or ready.observedGeneration ~= obj.metadata.generation then
  return health
end
health.message = ready.reason .. ": " .. ready.message
local images = conditions.ImagesVerified
local unknown = images ~= nil and images.status == "Unknown"
local reconciling = conditions.Reconciling ~= nil and conditions.Reconciling.status == "True"
local passing = { NamespaceMissing = true, WallsIncomplete = true }
if ready.status == "True" then
  health.status = "Healthy"
elseif not reconciling and not passing[ready.reason] and not (ready.reason == "ImagesNotVerified" and unknown) then
  health.status = "Degraded"
end
return health
