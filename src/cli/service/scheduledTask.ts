// The task of a service for Windows' Task Scheduler: it starts at boot, or when its user logs on, and again a minute after it failed.

import { LOCAL_SERVICE } from '../../base/accessList.ts';
import { escaped } from './launchdPlist.ts';
import { commandLine, type Service } from './service.ts';

export function taskName(role: Service['role']): string {
  return `Restunnel ${role}`;
}

/** UTF-16 is what schtasks reads: encode the text so, with its byte order mark. */
export function renderTask(service: Service, log: string): string {
  const { isSystem, role } = service;
  const [program = '', ...rest] = commandLine(service).map(quoted);
  const words = [program, ...rest.map(forCmd)];
  // The scheduler keeps no output; cmd writes it to the log. The outermost quotes are cmd's own.
  const line = `/d /s /c "${words.join(' ')} >> ${quoted(log)} 2>&1"`;
  const trigger = isSystem ? 'BootTrigger' : 'LogonTrigger';
  const principal = isSystem
    ? `<UserId>${LOCAL_SERVICE}</UserId>`
    : '<LogonType>InteractiveToken</LogonType>\n      <RunLevel>LeastPrivilege</RunLevel>';
  return `\ufeff<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Restunnel ${role === 'hub' ? 'hub' : 'exit node'}</Description>
    <Documentation>${escaped(service.dataDir)}</Documentation>
  </RegistrationInfo>
  <Triggers>
    <${trigger}>
      <Enabled>true</Enabled>
    </${trigger}>
  </Triggers>
  <Principals>
    <Principal id="Author">
      ${principal}
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>999</Count>
    </RestartOnFailure>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>cmd.exe</Command>
      <Arguments>${escaped(line)}</Arguments>
    </Exec>
  </Actions>
</Task>
`;
}

/** The data directory of a task as renderTask() wrote it; null for one of before it was noted. */
export function dataDirOfTask(xml: string): string | null {
  const noted = /<Documentation>([^<]*)<\/Documentation>/.exec(xml)?.[1];
  return noted === undefined ? null : unescaped(noted);
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}

/** A word as CommandLineToArgvW reads it. */
function quoted(word: string): string {
  if (/^[\w+=:,./\\%-]+$/.test(word)) return word;
  return `"${word.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
}

/** As cmd hands it on: with its quotes taken for letters too, no sign in it is cmd's own. */
function forCmd(text: string): string {
  return text.replace(/[()%!^"<>&|]/g, '^$&');
}
