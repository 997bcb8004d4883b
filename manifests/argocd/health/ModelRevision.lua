-- Degraded: it must not run. What an older one was left for does not count: a model is judged by what it serves.
local status = obj.status
if status == nil or status.phase == nil then
  return { status = "Progressing", message = "the operator has not looked at it yet" }
end
if status.ban ~= nil then
  return { status = "Degraded", message = status.ban.reason .. ": " .. status.ban.message }
end
if status.phase == "Quarantined" then
  return { status = "Degraded", message = "it was taken down" }
end
if status.phase == "Candidate" then
  return { status = "Progressing", message = "it is being rolled out" }
end
return { status = "Healthy", message = status.phase }
