"""How a user wants to be told of tasks, and leaving that by the link of an e-mail."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages as notes
from django.contrib.auth import get_user_model
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView, View

from automations import notices, settings
from automations.models import AutomationPreferenceModel

ByEmail = AutomationPreferenceModel.ByEmail


class PreferenceForm(forms.Form):
    """How one wants to be told."""

    by_email = forms.ChoiceField(
        label=_("When do you want an e-mail about your tasks?"),
        choices=ByEmail.choices,
        widget=forms.RadioSelect,
    )


class Offered:
    """A page that is there if people are told by e-mail at all, and else 404."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer, unless nobody is told anything."""
        if not settings.get("ATM_EMAIL"):
            raise Http404(_("Nobody is told of tasks by e-mail here."))
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc] # a view's
        return response


class NotificationsView(LoginRequiredMixin, Offered, FormView):  # type: ignore[type-arg] # not at run time
    """Ask the user how he or she wants to be told of tasks, and keep the answer."""

    template_name = "automations/notifications.html"
    form_class = PreferenceForm
    http_method_names = ["get", "head", "post", "options"]

    def get_initial(self) -> dict[str, Any]:
        return {"by_email": notices.chosen_by(self.request.user) or settings.get("ATM_EMAIL")}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        address = notices.address_of(self.request.user)
        return super().get_context_data(address=address, **kwargs)

    def form_valid(self, form: PreferenceForm) -> HttpResponse:
        notices.choose(self.request.user, form.cleaned_data["by_email"])
        notes.success(self.request, _("Your choice has been kept."), fail_silently=True)
        return redirect("automations:notifications")


class UnsubscribeView(Offered, View):
    """
    End the e-mails to whom one was sent, by the signed link in it, without logging in.

    GET and HEAD ask and change nothing. POST does it, also by the button that programs for e-mail
    show (RFC 8058).
    """

    http_method_names = ["get", "head", "post", "options"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer = super().dispatch(request, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        answer["Referrer-Policy"] = "no-referrer"  # the address is what gives the right
        return answer

    def get(self, request: HttpRequest, signed: str) -> HttpResponse:
        return render(request, "automations/unsubscribe.html", {"person": self.person(signed)})

    def post(self, request: HttpRequest, signed: str) -> HttpResponse:
        person = self.person(signed)
        notices.choose(person, ByEmail.NEVER)
        return render(request, "automations/unsubscribe.html", {"person": person, "done": True})

    def person(self, signed: str) -> Any:
        """Return the user whose e-mails the link ends."""
        users = get_user_model()._default_manager
        try:
            return users.get(pk=signing.loads(signed, salt=notices.SALT))
        except (signing.BadSignature, users.model.DoesNotExist, ValueError, ValidationError) as e:
            raise Http404(_("This link is not valid.")) from e
