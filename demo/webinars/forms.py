"""The form by which people sign up."""

from __future__ import annotations

from django import forms
from django.utils.timezone import localtime

from webinars.models import Webinar


class WebinarField(forms.ModelChoiceField):
    """Offers the webinars with their dates."""

    def label_from_instance(self, obj: Webinar) -> str:
        return f"{obj}, {localtime(obj.begins):%A, %d %B, %H:%M}"


class SignUpForm(forms.Form):
    """Who wants to come to which webinar."""

    name = forms.CharField(max_length=100)
    email = forms.EmailField(label="E-mail address")
    webinar = WebinarField(Webinar.objects, to_field_name="code", empty_label=None)

    def clean_email(self) -> str:
        """Take every spelling of an address for the same."""
        return str(self.cleaned_data["email"]).lower()

    def clean_webinar(self) -> Webinar:
        """Refuse whoever comes when everything is over."""
        webinar: Webinar = self.cleaned_data["webinar"]
        if webinar.is_over:
            raise forms.ValidationError("This webinar is over.")
        return webinar
